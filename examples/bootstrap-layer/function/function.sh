handler() {
  printf '{"log_level": "%s", "attributes": "%s", "event": %s}' "${LOG_LEVEL:-}" "${OTEL_RESOURCE_ATTRIBUTES:-}" "$1"
}
