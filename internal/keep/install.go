package keep

// The package managers' command lines, up to what differs from use to use: how
// exact, how quiet and how strict they are is the same everywhere.

// NPM is the command that installs what package-lock.json pins into the
// working directory. The lock file has the digests; no package's own script is
// run. More options may follow.
func NPM(options ...string) []string {
	return append([]string{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress",
		"--no-update-notifier"}, options...)
}

// Pip is the command by which the program python installs what a
// requirements.txt pins into the folder target: from wheels only, none without
// a digest. More options may follow.
func Pip(python, requirements, target string, options ...string) []string {
	return append([]string{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
		"--root-user-action=ignore", "--no-warn-script-location",
		"--require-hashes", "--only-binary=:all:", "--requirement", requirements, "--target", target}, options...)
}

// mavenDependencies is pinned: the version that Maven would pick by itself
// changes with Maven.
const mavenDependencies = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"

// Maven is the command that copies the jars that a program with the pom.xml of
// the working directory needs when it runs into the folder out. A jar whose
// checksum is not the repository's is an error.
func Maven(out string) []string {
	return []string{"mvn", "--quiet", "--batch-mode", "--no-transfer-progress", "--strict-checksums",
		mavenDependencies + ":copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=" + out}
}
