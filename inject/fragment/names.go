package fragment

// SettingNames are the variables of a function that are graft's settings: those
// of [ParseSettings], GRAFT_ENV_FILE, and the companion's.
var SettingNames = []string{
	"GRAFT_DISABLE", "GRAFT_STRICT", "GRAFT_LOG", "GRAFT_ENV_FILE", "GRAFT_NEXT", "GRAFT_JAVA", "GRAFT_RUNTIME",
	"GRAFT_SECRETS", "GRAFT_SECRETS_TIMEOUT", "GRAFT_SSM_PATH",
	"GRAFT_TELEMETRY", "GRAFT_TELEMETRY_TO", "GRAFT_TELEMETRY_FLUSH",
}

// DirectiveNames are the variables of a fragment that are for graft itself.
var DirectiveNames = []string{
	"GRAFT_RUNTIMES", "GRAFT_ARGS", "GRAFT_ORIGINAL_HANDLER", "GRAFT_JAVA",
	"GRAFT_RUN", "GRAFT_RUN_READY", "GRAFT_RUN_READY_TIMEOUT",
}
