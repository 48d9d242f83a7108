package inject

import "strings"

// twoWords are the options whose value is the next argument.
var twoWords = set("--add-exports", "--add-modules", "--add-opens", "--add-reads", "--enable-native-access",
	"--limit-modules", "--patch-module", "--upgrade-module-path", "--source", "--describe-module", "-d")

// takesPath are those with which a class path or module path begins.
var takesPath = set("-cp", "-classpath", "--class-path", "-p", "--module-path")

// collectorKey is the one key of all collectors.
const collectorKey = "collector"

var collectors = set("UseSerialGC", "UseParallelGC", "UseParallelOldGC", "UseConcMarkSweepGC", "UseParNewGC",
	"UseG1GC", "UseZGC", "UseShenandoahGC", "UseEpsilonGC")

// sizeNames maps the ways to give a size to its one key.
var sizeNames = map[string]string{
	"-Xmx":                "-XX:MaxHeapSize",
	"-Xms":                "-XX:InitialHeapSize",
	"-Xss":                "-XX:ThreadStackSize",
	"-Xmn":                "-XX:MaxNewSize",
	"-XX:NewSize":         "-XX:MaxNewSize",
	"-XX:MaxNewSize":      "-XX:MaxNewSize",
	"-XX:MaxHeapSize":     "-XX:MaxHeapSize",
	"-XX:InitialHeapSize": "-XX:InitialHeapSize",
	"-XX:ThreadStackSize": "-XX:ThreadStackSize",
}

// takesNoPart are options that do something else than to start the function,
// or that break what the runtime relies on.
var takesNoPart = set("-cp", "-classpath", "--class-path", "-p", "--module-path", "-jar", "-m", "--module",
	"-version", "--version", "-showversion", "--show-version", "-fullversion", "--full-version", "-help", "--help",
	"-h", "-?", "-X", "--help-extra", "--list-modules", "--validate-modules", "--dry-run", "--describe-module", "-d",
	"--source", "--upgrade-module-path", "--limit-modules", "--disable-@files", "-server", "-client", "-J", "-Xrunjdwp",
	"-XX:SharedArchiveFile", "-XX:Flags", "-XX:VMOptionsFile", "-XX:ArchiveClassesAtExit", "-XX:DumpLoadedClassList",
	"-XX:SharedClassListFile", "-XX:ExtraSharedClassListFile", "-Xbootclasspath", "-Xbootclasspath/p")

// xOptions are the -X options that every JVM takes, with or without a value.
var xOptions = []string{"-Xmx", "-Xms", "-Xss", "-Xmn", "-Xint", "-Xcomp", "-Xmixed", "-Xbatch", "-Xrs", "-Xlog:", "-Xloggc:",
	"-Xcheck:jni", "-Xnoclassgc", "-Xdiag", "-Xverify:", "-XshowSettings", "-Xbootclasspath/a:", "-Xdebug"}

// refuseJava says why a JVM option of a fragment would keep the JVM from
// starting the function; empty if it would not. In the command line an option
// may have its value in the next word.
func refuseJava(text string, words int, argv bool) string {
	name, _, _ := strings.Cut(text, "=")
	if strings.HasPrefix(text, "-X") {
		name, _, _ = strings.Cut(name, ":")
		if strings.HasPrefix(text, "-XX:") {
			name = "-XX:" + strings.TrimLeft(strings.TrimPrefix(text, "-XX:"), "+-")
			name, _, _ = strings.Cut(name, "=")
		}
	}
	switch {
	case words > 1 && !argv:
		return `takes its value from the next word, which JAVA_TOOL_OPTIONS refuses: write it with "="`
	case strings.HasPrefix(text, "@"):
		return "an argument file may hold anything"
	case takesNoPart[name]:
		return "would keep the runtime from starting the function"
	case strings.HasPrefix(text, "-Xshare:"), strings.HasPrefix(text, "-XX:AOT"):
		return "class data sharing is the runtime's own"
	case twoWords[text] && words == 1:
		return "has no value"
	case strings.HasPrefix(text, "-XX:"), strings.HasPrefix(text, "-D"), strings.HasPrefix(text, "--"),
		strings.HasPrefix(text, "-javaagent:"), strings.HasPrefix(text, "-agentpath:"), strings.HasPrefix(text, "-agentlib:"),
		strings.HasPrefix(text, "-verbose"), hasAnyPrefix(text, "-ea", "-da", "-esa", "-dsa", "-enable", "-disable"):
		return ""
	case hasAnyPrefix(text, xOptions...):
		return ""
	}
	return "is no option that every JVM takes"
}

// shortOption names an option in a message without its value, and no word that
// is not an option at all: it may be part of a value.
func shortOption(text string) string {
	if strings.HasPrefix(text, "@") {
		return "@file"
	}
	if !strings.HasPrefix(text, "-") {
		return "a word that is no option"
	}
	text, _, _ = strings.Cut(text, "=")
	if strings.HasPrefix(text, "-X") && !strings.HasPrefix(text, "-XX:") {
		text, _, _ = strings.Cut(text, ":")
	}
	return text
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
