using System.IO;
using System.Runtime.InteropServices;
using System.Text;

namespace Example
{
    public class Function
    {
        public Stream Handler(Stream input)
        {
            string answer = "{\"runtime\": \"" + RuntimeInformation.FrameworkDescription + "\", \"event\": " + new StreamReader(input).ReadToEnd() + "}";
            return new MemoryStream(Encoding.UTF8.GetBytes(answer));
        }
    }
}
