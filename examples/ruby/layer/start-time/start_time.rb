# frozen_string_literal: true

# Tells what Ruby had used of the processor when it came to the function's runtime.
warn format('start-time: %d ms', Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID, :millisecond))
