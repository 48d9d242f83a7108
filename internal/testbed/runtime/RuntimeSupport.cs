// Stands where the managed .NET runtime has Amazon.Lambda.RuntimeSupport.dll,
// which comes as a NuGet package only: a minimal loop over the Runtime API for
// handlers Assembly::Namespace.Type::Method that take nothing, a string (the
// event's JSON text) or a Stream, and return the same, or a Task of it. Before
// a string there may be no other parameter; a second one gets null.
using System;
using System.IO;
using System.Net.Http;
using System.Reflection;
using System.Runtime.Loader;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

static class RuntimeSupport
{
    const string Version = "/2018-06-01/runtime/";
    static readonly HttpClient client = new HttpClient();
    static string api;

    static int Main(string[] args)
    {
        string handler = args.Length > 0 ? args[0] : Environment.GetEnvironmentVariable("_HANDLER");
        api = "http://" + Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API") + Version;
        client.Timeout = Timeout.InfiniteTimeSpan;
        MethodInfo method;
        object target;
        try
        {
            method = Find(handler);
            target = method.IsStatic ? null : Activator.CreateInstance(method.DeclaringType);
        }
        catch (Exception e)
        {
            Post("init/error", Describe(e));
            Console.Error.WriteLine(e);
            return 1;
        }
        while (true) Next(method, target);
    }

    // Find loads the function's assembly into the default context, where
    // startup hooks and the profiler's code live too.
    static MethodInfo Find(string handler)
    {
        string[] parts = (handler ?? "").Split(new[] { "::" }, StringSplitOptions.None);
        if (parts.Length != 3) throw new ArgumentException("handler is not ASSEMBLY::TYPE::METHOD");
        string root = Environment.GetEnvironmentVariable("LAMBDA_TASK_ROOT") ?? "/var/task";
        AssemblyLoadContext.Default.Resolving += (context, name) =>
        {
            string path = Path.Combine(root, name.Name + ".dll");
            return File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
        };
        Type type = Assembly.Load(new AssemblyName(parts[0])).GetType(parts[1], true);
        MethodInfo method = type.GetMethod(parts[2]);
        if (method == null) throw new MissingMethodException(parts[1], parts[2]);
        return method;
    }

    static void Next(MethodInfo method, object target)
    {
        HttpResponseMessage next = client.GetAsync(api + "invocation/next").GetAwaiter().GetResult();
        next.EnsureSuccessStatusCode();
        string id = Header(next, "Lambda-Runtime-Aws-Request-Id");
        Environment.SetEnvironmentVariable("_X_AMZN_TRACE_ID", Header(next, "Lambda-Runtime-Trace-Id"));
        byte[] body = next.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult();
        try
        {
            byte[] answer = Bytes(method.Invoke(target, Arguments(method, body)));
            Post("invocation/" + id + "/response", answer);
        }
        catch (Exception e)
        {
            if (e is TargetInvocationException && e.InnerException != null) e = e.InnerException;
            Console.Error.WriteLine(e);
            Post("invocation/" + id + "/error", Describe(e));
        }
    }

    static object[] Arguments(MethodInfo method, byte[] body)
    {
        ParameterInfo[] parameters = method.GetParameters();
        object[] arguments = new object[parameters.Length];
        if (parameters.Length == 0) return arguments;
        if (parameters[0].ParameterType == typeof(string)) arguments[0] = Encoding.UTF8.GetString(body);
        else arguments[0] = new MemoryStream(body);
        return arguments;
    }

    static byte[] Bytes(object result)
    {
        Task task = result as Task;
        if (task != null)
        {
            task.GetAwaiter().GetResult();
            PropertyInfo value = task.GetType().GetProperty("Result");
            result = value == null ? null : value.GetValue(task);
        }
        Stream stream = result as Stream;
        if (stream == null) return Encoding.UTF8.GetBytes(result as string ?? "null");
        MemoryStream copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    static void Post(string path, byte[] body)
    {
        client.PostAsync(api + path, new ByteArrayContent(body)).GetAwaiter().GetResult().EnsureSuccessStatusCode();
    }

    static string Header(HttpResponseMessage message, string name)
    {
        System.Collections.Generic.IEnumerable<string> values;
        if (!message.Headers.TryGetValues(name, out values)) return null;
        foreach (string value in values) return value;
        return null;
    }

    static byte[] Describe(Exception e)
    {
        return Encoding.UTF8.GetBytes("{\"errorType\":" + Quote(e.GetType().Name) + ",\"errorMessage\":" + Quote(e.Message) + "}");
    }

    static string Quote(string text)
    {
        StringBuilder quoted = new StringBuilder("\"");
        foreach (char c in text)
        {
            if (c == '"' || c == '\\') quoted.Append('\\').Append(c);
            else if (c < ' ') quoted.Append("\\u").Append(((int)c).ToString("x4"));
            else quoted.Append(c);
        }
        return quoted.Append('"').ToString();
    }
}
