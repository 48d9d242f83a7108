using System;
using System.Diagnostics;

// A startup hook that tells how long .NET took to come to the function's runtime.
internal class StartupHook
{
    public static void Initialize()
    {
        TimeSpan took = DateTime.Now - Process.GetCurrentProcess().StartTime;
        Console.Error.WriteLine("start-time: " + (int)took.TotalMilliseconds + " ms");
    }
}
