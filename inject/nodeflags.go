package inject

import "github.com/graft-lambda/graft/inject/fragment"

// A nodeKind says whether an option takes a value.
type nodeKind byte

const (
	// nodeBoolean takes none; it can be negated with --no-.
	nodeBoolean nodeKind = iota
	// nodeNoOp means nothing any more in at least one version, which then
	// refuses its negation; it takes no value.
	nodeNoOp
	// nodeV8 is V8's own: a value, if any, stands behind "=".
	nodeV8
	// nodeValue takes one value, behind "=" or as the next word.
	nodeValue
	// nodeList takes one value too, and adds up.
	nodeList
)

// takesWord reports whether an option's value may be the next word.
func (k nodeKind) takesWord() bool { return k == nodeValue || k == nodeList }

// A nodeFlag is what an option is, and which of the release lines 18, 20, 22
// and 24 take it in NODE_OPTIONS.
type nodeFlag struct {
	kind  nodeKind
	lines byte
}

// in reports whether Node.js version v takes the option in NODE_OPTIONS. What
// a version that is not in the table takes, its neighbour does; an unknown
// version is none in particular, so that all must take it.
func (f nodeFlag) in(v fragment.Version) bool {
	if !v.Known() {
		return f.lines == 0b1111
	}
	i := min(max(v.Major/2-9, 0), 3)
	return f.lines&(1<<i) != 0
}

// nodeFlags are the options that Node.js itself says it takes in NODE_OPTIONS,
// as read from the versions that the tests run on (a test compares), less
// nodeKills and --enable-etw-stack-walking, which is for Windows and which 18
// lists but does not know.
var nodeFlags = map[string]nodeFlag{
	"--abort-on-uncaught-exception":                  {nodeV8, 0b1111},
	"--addons":                                       {nodeBoolean, 0b1111},
	"--allow-inspector":                              {nodeBoolean, 0b1000},
	"--allow-openssl-store":                          {nodeBoolean, 0b1000},
	"--async-context-frame":                          {nodeBoolean, 0b1000},
	"--conditions":                                   {nodeList, 0b1111},
	"--cpu-prof":                                     {nodeBoolean, 0b1100},
	"--cpu-prof-dir":                                 {nodeValue, 0b1100},
	"--cpu-prof-interval":                            {nodeValue, 0b1100},
	"--cpu-prof-name":                                {nodeValue, 0b1100},
	"--debug-arraybuffer-allocations":                {nodeBoolean, 0b1111},
	"--deprecation":                                  {nodeBoolean, 0b1111},
	"--diagnostic-dir":                               {nodeValue, 0b1111},
	"--disable-proto":                                {nodeValue, 0b1111},
	"--disable-sigusr1":                              {nodeBoolean, 0b1100},
	"--disable-warning":                              {nodeList, 0b1110},
	"--disable-wasm-trap-handler":                    {nodeBoolean, 0b1110},
	"--disallow-code-generation-from-strings":        {nodeV8, 0b1111},
	"--dns-result-order":                             {nodeValue, 0b1111},
	"--enable-network-family-autoselection":          {nodeBoolean, 0b0001},
	"--enable-source-maps":                           {nodeBoolean, 0b1111},
	"--entry-url":                                    {nodeBoolean, 0b1100},
	"--experimental-abortcontroller":                 {nodeNoOp, 0b1111},
	"--experimental-addon-modules":                   {nodeBoolean, 0b1100},
	"--experimental-async-context-frame":             {nodeBoolean, 0b0100},
	"--experimental-detect-module":                   {nodeBoolean, 0b1110},
	"--experimental-eventsource":                     {nodeBoolean, 0b1110},
	"--experimental-fetch":                           {nodeNoOp, 0b1111},
	"--experimental-global-customevent":              {nodeNoOp, 0b1111},
	"--experimental-global-navigator":                {nodeBoolean, 0b1100},
	"--experimental-global-webcrypto":                {nodeNoOp, 0b1111},
	"--experimental-import-meta-resolve":             {nodeBoolean, 0b1111},
	"--experimental-import-text":                     {nodeBoolean, 0b1000},
	"--experimental-json-modules":                    {nodeNoOp, 0b1111},
	"--experimental-loader":                          {nodeList, 0b1111},
	"--experimental-modules":                         {nodeNoOp, 0b1111},
	"--experimental-network-imports":                 {nodeBoolean, 0b0011},
	"--experimental-package-map":                     {nodeValue, 0b1000},
	"--experimental-print-required-tla":              {nodeBoolean, 0b1110},
	"--experimental-quic":                            {nodeNoOp, 0b1000},
	"--experimental-repl-await":                      {nodeBoolean, 0b1111},
	"--experimental-report":                          {nodeNoOp, 0b1111},
	"--experimental-require-module":                  {nodeBoolean, 0b1110},
	"--experimental-shadow-realm":                    {nodeBoolean, 0b1111},
	"--experimental-specifier-resolution":            {nodeValue, 0b1111},
	"--experimental-sqlite":                          {nodeBoolean, 0b1100},
	"--experimental-stream-iter":                     {nodeBoolean, 0b1000},
	"--experimental-strip-types":                     {nodeBoolean, 0b0100},
	"--experimental-top-level-await":                 {nodeNoOp, 0b1111},
	"--experimental-transform-types":                 {nodeBoolean, 0b1100},
	"--experimental-vm-modules":                      {nodeBoolean, 0b1111},
	"--experimental-wasi-unstable-preview1":          {nodeNoOp, 0b1111},
	"--experimental-wasm-modules":                    {nodeNoOp, 0b1111},
	"--experimental-websocket":                       {nodeBoolean, 0b1110},
	"--experimental-webstorage":                      {nodeBoolean, 0b1100},
	"--experimental-worker":                          {nodeNoOp, 0b1111},
	"--expose-gc":                                    {nodeV8, 0b1110},
	"--extra-info-on-fatal-exception":                {nodeBoolean, 0b1111},
	"--force-async-hooks-checks":                     {nodeBoolean, 0b1111},
	"--force-context-aware":                          {nodeBoolean, 0b1111},
	"--force-node-api-uncaught-exceptions-policy":    {nodeBoolean, 0b1111},
	"--frozen-intrinsics":                            {nodeBoolean, 0b1111},
	"--global-search-paths":                          {nodeBoolean, 0b1111},
	"--heap-prof":                                    {nodeBoolean, 0b1110},
	"--heap-prof-dir":                                {nodeValue, 0b1110},
	"--heap-prof-interval":                           {nodeValue, 0b1110},
	"--heap-prof-name":                               {nodeValue, 0b1110},
	"--heapsnapshot-near-heap-limit":                 {nodeValue, 0b1111},
	"--heapsnapshot-signal":                          {nodeValue, 0b1111},
	"--http-parser":                                  {nodeNoOp, 0b1111},
	"--huge-max-old-generation-size":                 {nodeV8, 0b0111},
	"--icu-data-dir":                                 {nodeValue, 0b1111},
	"--import":                                       {nodeList, 0b1111},
	"--insecure-http-parser":                         {nodeBoolean, 0b1111},
	"--inspect":                                      {nodeBoolean, 0b1111},
	"--inspect-port":                                 {nodeValue, 0b1111},
	"--inspect-publish-uid":                          {nodeValue, 0b1111},
	"--interpreted-frames-native-stack":              {nodeV8, 0b1111},
	"--jitless":                                      {nodeV8, 0b1111},
	"--localstorage-file":                            {nodeValue, 0b1100},
	"--max-heap-size":                                {nodeV8, 0b1000},
	"--max-http-header-size":                         {nodeValue, 0b1111},
	"--max-old-space-size":                           {nodeV8, 0b1111},
	"--max-old-space-size-percentage":                {nodeValue, 0b1100},
	"--max-semi-space-size":                          {nodeV8, 0b1111},
	"--napi-modules":                                 {nodeNoOp, 0b1111},
	"--network-family-autoselection":                 {nodeBoolean, 0b1110},
	"--network-family-autoselection-attempt-timeout": {nodeValue, 0b1110},
	"--node-memory-debug":                            {nodeNoOp, 0b1111},
	"--openssl-config":                               {nodeValue, 0b1111},
	"--openssl-legacy-provider":                      {nodeBoolean, 0b1111},
	"--openssl-shared-config":                        {nodeBoolean, 0b1111},
	"--pending-deprecation":                          {nodeBoolean, 0b1111},
	"--perf-basic-prof":                              {nodeV8, 0b1111},
	"--perf-basic-prof-only-functions":               {nodeV8, 0b1111},
	"--perf-prof":                                    {nodeV8, 0b1111},
	"--perf-prof-unwinding-info":                     {nodeV8, 0b1111},
	"--permission-audit":                             {nodeBoolean, 0b1000},
	"--preserve-symlinks":                            {nodeBoolean, 0b1111},
	"--preserve-symlinks-main":                       {nodeBoolean, 0b1111},
	"--redirect-warnings":                            {nodeValue, 0b1111},
	"--report-compact":                               {nodeBoolean, 0b1111},
	"--report-dir":                                   {nodeValue, 0b1111},
	"--report-exclude-env":                           {nodeBoolean, 0b1100},
	"--report-exclude-network":                       {nodeBoolean, 0b1110},
	"--report-filename":                              {nodeValue, 0b1111},
	"--report-on-fatalerror":                         {nodeBoolean, 0b1111},
	"--report-on-signal":                             {nodeBoolean, 0b1111},
	"--report-signal":                                {nodeValue, 0b1111},
	"--report-uncaught-exception":                    {nodeBoolean, 0b1111},
	"--require":                                      {nodeList, 0b1111},
	"--require-module":                               {nodeBoolean, 0b1000},
	"--secure-heap":                                  {nodeValue, 0b1111},
	"--secure-heap-min":                              {nodeValue, 0b1111},
	"--stack-trace-limit":                            {nodeV8, 0b1111},
	"--strip-types":                                  {nodeBoolean, 0b1000},
	"--test-random-seed":                             {nodeValue, 0b1000},
	"--test-randomize":                               {nodeBoolean, 0b1000},
	"--throw-deprecation":                            {nodeBoolean, 0b1111},
	"--title":                                        {nodeValue, 0b1111},
	"--tls-cipher-list":                              {nodeValue, 0b1111},
	"--tls-keylog":                                   {nodeValue, 0b1111},
	"--tls-max-v1.2":                                 {nodeBoolean, 0b1111},
	"--tls-max-v1.3":                                 {nodeBoolean, 0b1111},
	"--tls-min-v1.0":                                 {nodeBoolean, 0b1111},
	"--tls-min-v1.1":                                 {nodeBoolean, 0b1111},
	"--tls-min-v1.2":                                 {nodeBoolean, 0b1111},
	"--tls-min-v1.3":                                 {nodeBoolean, 0b1111},
	"--trace-atomics-wait":                           {nodeBoolean, 0b0111},
	"--trace-deprecation":                            {nodeBoolean, 0b1111},
	"--trace-env":                                    {nodeBoolean, 0b1100},
	"--trace-env-js-stack":                           {nodeBoolean, 0b1100},
	"--trace-env-native-stack":                       {nodeBoolean, 0b1100},
	"--trace-event-categories":                       {nodeValue, 0b1111},
	"--trace-event-file-pattern":                     {nodeValue, 0b1111},
	"--trace-exit":                                   {nodeBoolean, 0b1111},
	"--trace-promises":                               {nodeBoolean, 0b1110},
	"--trace-require-module":                         {nodeValue, 0b1110},
	"--trace-sigint":                                 {nodeBoolean, 0b1111},
	"--trace-sync-io":                                {nodeBoolean, 0b1111},
	"--trace-tls":                                    {nodeBoolean, 0b1111},
	"--trace-uncaught":                               {nodeBoolean, 0b1111},
	"--trace-warnings":                               {nodeBoolean, 0b1111},
	"--track-heap-objects":                           {nodeBoolean, 0b1111},
	"--unhandled-rejections":                         {nodeValue, 0b1111},
	"--use-bundled-ca":                               {nodeBoolean, 0b1111},
	"--use-env-proxy":                                {nodeBoolean, 0b1100},
	"--use-largepages":                               {nodeValue, 0b1111},
	"--use-openssl-ca":                               {nodeBoolean, 0b1111},
	"--use-system-ca":                                {nodeBoolean, 0b1100},
	"--v8-pool-size":                                 {nodeValue, 0b1111},
	"--verify-base-objects":                          {nodeBoolean, 0b1111},
	"--warnings":                                     {nodeBoolean, 0b1111},
	"--watch-kill-signal":                            {nodeValue, 0b1100},
	"--zero-fill-buffers":                            {nodeBoolean, 0b1111},
}

// nodeKills are options with which Node.js does something else than to start
// the function, waits for a debugger, or takes from it what it relies on.
var nodeKills = set(
	"-e", "-p", "-pe", "-c", "-i", "-h", "-v", "-", "--",
	"--eval", "--print", "--check", "--test", "--interactive", "--version", "--help", "--completion-bash",
	"--v8-options", "--build-snapshot", "--build-snapshot-config", "--build-sea", "--run", "--prof-process",
	"--experimental-sea-config", "--watch", "--watch-path", "--watch-preserve-output", "--env-file",
	"--env-file-if-exists", "--inspect-brk", "--inspect-brk-node", "--inspect-wait", "--expose-internals",
	"--permission", "--experimental-permission", "--security-revert", "--test-only", "--test-reporter",
	"--test-reporter-destination", "--test-shard", "--test-name-pattern", "--test-skip-pattern",
	"--test-isolation", "--test-rerun-failures", "--test-global-setup", "--test-coverage-include",
	"--test-coverage-exclude", "--test-coverage-branches", "--test-coverage-functions", "--test-coverage-lines",
	"--test-concurrency", "--test-timeout", "--test-force-exit", "--test-update-snapshots",
	"--experimental-test-coverage", "--experimental-test-isolation", "--experimental-test-module-mocks",
	"--experimental-test-snapshots", "--snapshot-blob", "--node-snapshot", "--experimental-policy",
	"--policy-integrity", "--experimental-default-type", "--allow-fs-read", "--allow-fs-write",
	"--allow-addons", "--allow-child-process", "--allow-wasi", "--allow-worker", "--experimental-config-file",
	"--experimental-default-config-file", "--input-type", "--force-fips", "--enable-fips",
)

// nodeArgvOnly are options that Node.js takes in its command line and refuses
// in NODE_OPTIONS.
var nodeArgvOnly = set(
	"--stack-size", "--prof", "--use-strict", "--no-opt", "--trace-gc", "--trace-gc-verbose", "--trace-opt", "--trace-deopt",
	"--allow-natives-syntax", "--optimize-for-size", "--max-lazy", "--gc-interval", "--gc-global", "--initial-heap-size",
	"--min-semi-space-size", "--single-threaded", "--always-sparkplug", "--sparkplug", "--no-sparkplug",
	"--stress-compaction", "--log-function-events", "--random-seed", "--predictable", "--lite-mode",
)
