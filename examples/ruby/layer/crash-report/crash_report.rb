# frozen_string_literal: true

# Leaves a line about the exception that ended the process; a signal is no crash.
at_exit { warn "crash-report: #{$!.class}" unless [nil, SystemExit, SignalException].include?($!&.class) }
warn 'crash-report: watching'
