package inject

import (
	"strconv"
	"strings"
)

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

// xOptions are the options of one dash that every JVM takes as they stand; one
// that ends with a colon takes a value behind it.
var xOptions = set("-Xint", "-Xcomp", "-Xmixed", "-Xbatch", "-Xrs", "-Xlog:", "-Xcheck:jni", "-Xnoclassgc", "-Xdiag",
	"-Xverify:", "-XshowSettings", "-XshowSettings:", "-Xbootclasspath/a:", "-Xdebug", "-verbose", "-verbose:",
	"-ea", "-ea:", "-da", "-da:", "-esa", "-dsa", "-enableassertions", "-enableassertions:", "-disableassertions",
	"-disableassertions:", "-enablesystemassertions", "-disablesystemassertions")

// sinceNine are the options of two dashes that every Java from 9 on takes with
// a value behind "=".
var sinceNine = set("--add-exports", "--add-modules", "--add-opens", "--add-reads", "--patch-module")

// leastSizes are below what a JVM starts with, in bytes.
var leastSizes = map[string]int64{"-Xmx": 4 << 20, "-Xms": 1 << 20, "-Xmn": 1 << 20, "-Xss": 256 << 10}

// parseSize reads a size as the JVM does: digits and one of k, m, g, t.
func parseSize(s string) (int64, bool) {
	unit := int64(1)
	if s != "" {
		if i := strings.IndexByte("kmgt", s[len(s)-1]|0x20); i >= 0 {
			unit, s = 1<<(10*(i+1)), s[:len(s)-1]
		}
	}
	n, err := strconv.ParseInt(s, 10, 40)
	return n * unit, err == nil && n >= 0 && n <= 1<<50/unit
}

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
	case hasAnyPrefix(text, "-XX:", "-D", "--", "-javaagent:", "-agentpath:", "-agentlib:"), xOptions[text]:
		return ""
	case len(text) >= 4 && leastSizes[text[:4]] > 0:
		if size, ok := parseSize(text[4:]); !ok || size < leastSizes[text[:4]] {
			return "is no size that a JVM starts with"
		}
		return ""
	}
	if name, value, ok := strings.Cut(text, ":"); ok && value != "" && xOptions[name+":"] {
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
