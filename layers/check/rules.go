package check

// A Severity says how bad a finding is.
type Severity string

// An Error does not work as it is meant to; a Warning may.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// A Rule is one kind of finding.
type Rule struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	// Title says what is wrong, Remedy what to do.
	Title  string `json:"title"`
	Remedy string `json:"remedy"`
}

// Rules lists every kind of finding, in the order in which they are explained.
var Rules = []Rule{
	// Fragments and agents.
	{"fragment-invalid", Error, "A fragment that graft does not read: the agent is left out", "correct the line; a fragment holds NAME=VALUE lines, comments and blank lines"},
	{"fragment-name", Error, "A file in graft.d that is no fragment by its name", "name it NN-NAME.env: two digits, then a-z 0-9 . _ -"},
	{"fragment-name-clash", Warning, "Two fragments of one agent name: GRAFT_DISABLE switches both, and messages do not tell them apart", "give each its own name behind the number"},
	{"missing-agent-file", Error, "A fragment asks for a file that no layer has", "add the file, or correct the path in the fragment"},
	{"agent-stands-down", Error, "An agent that graft would leave out", "correct what the message names, or limit the fragment by GRAFT_RUNTIMES"},
	{"agent-stands-down-somewhere", Warning, "An agent that graft would leave out in some runtimes", "limit the fragment to the other runtimes by GRAFT_RUNTIMES"},
	{"agent-needs-function", Warning, "An agent that loads what only the function's own code may have", "put it into the layer and give its path below /opt, or be sure that every function has it"},
	{"runtime-bound-unmatched", Warning, "GRAFT_RUNTIMES that no runtime meets: the agent never loads", "correct the bound in GRAFT_RUNTIMES"},
	{"too-many-fragments", Error, "More fragments than graft reads in reasonable time", "leave some out; an agent takes one"},
	{"value-hidden", Warning, "A later fragment gives a variable another value: one agent hides what another needs", "agree on one value, or set the variable on the function"},
	{"package-hidden", Warning, "Two agents bring different versions of one Python package: the earlier in PYTHONPATH is loaded for both", "pin one version for both, or let them load in the other order"},
	{"reserved-variable", Warning, "A fragment gives a variable that Lambda always sets: the fragment's value never counts", "take the line out of the fragment"},
	{"graft-missing", Warning, "Fragments, but no layer with /opt/graft", "add graft's own layer to the stack, or make the layer with graft build"},
	{"companion-missing", Warning, "Programs to run or telemetry to send, but no layer has the companion, which does it", "make the layer with graft build, and not with --companion none"},
	{"companion-twice", Warning, "Two companions, one that Lambda starts and one that the wrapper starts: programs run, and telemetry is sent, twice", "make the layers with the same --companion"},
	{"bad-reference", Error, "A reference to a setting or secret that can never be resolved", "write it as the README says: ref+awsssm://PATH, ref+awssecrets://ID, with #/KEY for a part of it"},
	{"secrets-missing", Error, "References to settings or secrets, or a GRAFT_RUN of graft-secrets, but no layer has it", "make the layer with graft build --secrets"},
	{"not-installed", Warning, "A dependency manifest that is not installed: what it pins cannot be checked", "check what graft build made of the folder"},
	{"not-locked", Warning, "A package.json with dependencies and without a lock file: graft build installs nothing for it", "make a lock file: npm install --package-lock-only"},

	// Files.
	{"unreadable-file", Error, "A file that cannot be read here", "make it readable"},
	{"not-world-readable", Error, "A file or folder that only its owner can read: Lambda runs functions as another user", "chmod 0644 for files, 0755 for folders and programs"},
	{"lost-execute-bit", Error, "A program that may not be executed: Lambda runs it as another user, and packing adds no bit", "chmod 0755"},
	{"script-crlf", Error, "A script whose first line ends with CRLF: the kernel looks for an interpreter of that name", "save it with LF line ends"},
	{"script-interpreter", Error, "A script whose interpreter is not there", "name an interpreter that Lambda's system has, such as /bin/sh, or ship it in the layer"},
	{"wrong-arch", Error, "Native code for another processor", "build or install it for the layer's architecture"},
	{"mixed-arch", Error, "Layers for different architectures: no function can have both", "check the layers of each architecture by themselves"},
	{"wrong-libc", Error, "Native code for another C library: Lambda's runtimes have glibc", "build or install it for glibc"},
	{"special-file", Error, "A file that Lambda does not unpack, or unpacks as something else", "ship files, folders and links only, without set-user-id bits"},
	{"unsafe-link", Error, "A link that leaves the layer", "link to a path inside the layer, best a relative one"},
	{"dangling-link", Error, "A link to nothing", "ship what it points to, or take it out; sam build fails on it, too"},
	{"plain-secret", Error, "A secret in plain text: whoever may use the layer or see the function can read it", "take it out and revoke it; refer to it by ref+awssecrets://NAME, or in a template by {{resolve:secretsmanager:NAME}}"},

	// Zips.
	{"zip-unreadable", Error, "A zip that cannot be read", "make it anew"},
	{"zip-entry-name", Error, "An entry whose name is no path below /opt", "make the zip with relative names and forward slashes"},
	{"zip-duplicate", Error, "A name that is in the zip more than once: tools differ in which one counts", "make the zip anew"},
	{"zip-encrypted", Error, "An encrypted entry: Lambda has no password", "make the zip without encryption"},
	{"zip-method", Error, "A compression method that Lambda does not know", "compress with deflate, or store"},
	{"zip-corrupt", Error, "An entry whose content is not what the zip says", "make the zip anew"},
	{"zip-bomb", Error, "A zip that unpacks to far more than Lambda takes: it was not unpacked here either", "do not use it; ask where it comes from"},
	{"layer-nested", Warning, "A layer that is packed with a folder around it, or in another zip: nothing is where it is looked for", "take what is in the folder, not the folder: cd my-layer && zip -r ../my-layer.zip ."},
	{"layer-empty", Warning, "A zip without files", "pack what the layer is to have"},

	// Extensions.
	{"not-an-extension", Error, "A file in extensions that Lambda cannot start as one: it starts every file there, and the function fails", "move helpers out of extensions, into a folder of their own"},
	{"too-many-extensions", Error, "More than ten extensions: the function fails", "leave some out; agents that graft loads inside the runtime do not count"},

	// Stacks of layers.
	{"file-conflict", Error, "Two layers bring different files of one name: only the later layer's is there", "give the files names of their own, or agree on one version"},
	{"fragment-hidden", Error, "Two layers bring different fragments of one name: the later layer hides the earlier one's agent", "give each fragment a name of its own"},
	{"too-many-layers", Error, "More than five layers", "put several into one with graft build"},
	{"layers-too-large", Error, "More than 250 MB unzipped", "leave files out: tests, documentation, other platforms' libraries"},
	{"zip-too-large", Warning, "More than 50 MB zipped: too large for a direct upload", "upload it by way of S3"},

	// Functions.
	{"template-invalid", Error, "A template that cannot be read", "correct it; sam validate --lint says more"},
	{"template-unread", Warning, "A part of the template that only a deployment makes: it was not checked", "check what the deployment made, or write the functions out"},
	{"template-nested", Warning, "A nested template: its functions and layers were not checked", "check that template by itself; after sam build, the one below .aws-sam/build"},
	{"layer-not-found", Warning, "A layer that is not here to be checked", "build it first, or give its folder or zip beside the template"},
	{"layer-outside", Warning, "A layer outside the template's folder and its repository: it was not looked at", "if it is to be checked, give its folder or zip beside the template"},
	{"runtime-invalid", Error, "A Runtime that is none of Lambda's: misspelt, or long retired; the deployment fails", "write it as Lambda does: nodejs22.x, python3.13, java21, dotnet8, ruby3.4, provided.al2023"},
	{"runtime-unknown", Warning, "A Runtime that graft does not know, retired or newer than graft: no agent was planned for it", "use a runtime that Lambda supports; if it is a new one, a newer graft"},
	{"environment-too-large", Error, "More than 4 KB of environment variables", "put settings into a file and name it in GRAFT_ENV_FILE, or into the Parameter Store"},
	{"variable-name", Error, "A variable's name that Lambda refuses", "use letters, digits and underscores, a letter first, two at least"},
	{"variable-reserved", Error, "A variable that Lambda reserves: the deployment fails", "take it out; Lambda sets it"},
	{"unknown-setting", Error, "A GRAFT_ variable that graft does not know", "correct the name"},
	{"agent-unknown", Warning, "A misspelt name in GRAFT_DISABLE: no agent of the function's layers has it, and it switches nothing off", "write the agent's name as its fragment has it: NAME of NN-NAME.env"},
	{"bad-setting", Error, "A setting whose value graft does not understand", "see the table of settings"},
	{"wrapper-unsupported", Error, "AWS_LAMBDA_EXEC_WRAPPER on an OS-only runtime, which calls no wrapper by itself", "call /opt/graft in the bootstrap, and take the variable out"},
	{"wrapper-missing", Error, "AWS_LAMBDA_EXEC_WRAPPER names a file that is not there: the function does not start", "add the layer that has it, or correct the path"},
	{"wrapper-not-set", Warning, "Layers with fragments, or variables with references, but the function does not run graft: no agent loads, nothing is fetched", "set AWS_LAMBDA_EXEC_WRAPPER=/opt/graft on the function"},
	{"layer-arch", Error, "A layer that is for another architecture than the function", "use the layer that was built for the function's architecture"},
}

// rule returns the rule with this code. A code without a rule is a mistake in
// this package.
func rule(code string) Rule {
	for _, r := range Rules {
		if r.Code == code {
			return r
		}
	}
	panic("no rule " + code)
}
