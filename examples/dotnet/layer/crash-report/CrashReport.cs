using System;

// A startup hook that leaves a line about an exception that nothing caught.
internal class StartupHook
{
    public static void Initialize()
    {
        AppDomain.CurrentDomain.UnhandledException += (sender, e) =>
            Console.Error.WriteLine("crash-report: " + e.ExceptionObject.GetType());
        Console.Error.WriteLine("crash-report: watching");
    }
}
