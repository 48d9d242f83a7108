# frozen_string_literal: true

# Stands where the managed Ruby runtime has AWS's runtime client, a gem: a
# minimal loop over the Runtime API for handlers FILE.METHOD and
# FILE.MODULE.METHOD, called with event: and context:.

require 'json'
require 'net/http'

# What a handler is told about its invocation.
class Context
  attr_reader :aws_request_id, :invoked_function_arn, :function_name, :function_version, :memory_limit_in_mb

  def initialize(headers)
    @aws_request_id = headers['Lambda-Runtime-Aws-Request-Id']
    @invoked_function_arn = headers['Lambda-Runtime-Invoked-Function-Arn']
    @deadline = headers['Lambda-Runtime-Deadline-Ms'].to_i
    @function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
    @function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
    @memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
  end

  def get_remaining_time_in_millis
    [@deadline - (Time.now.to_f * 1000).to_i, 0].max
  end
end

# The Runtime API.
class Api
  def initialize(address)
    host, port = address.split(':')
    @http = Net::HTTP.new(host, port.to_i, nil)
    @http.read_timeout = nil
  end

  def next
    response = @http.get('/2018-06-01/runtime/invocation/next')
    raise "next: #{response.code}" unless response.code == '200'

    response
  end

  def post(path, body)
    @http.post("/2018-06-01/runtime/#{path}", body)
  end
end

def describe(error)
  trace = error.backtrace || []
  { errorType: "Function<#{error.class}>", errorMessage: error.message, stackTrace: trace }.to_json
end

def find(handler)
  file, *names = handler.split('.')
  $LOAD_PATH.unshift(ENV['LAMBDA_TASK_ROOT'])
  require File.expand_path(file, ENV['LAMBDA_TASK_ROOT'])
  method = names.pop
  target = names.empty? ? self : Object.const_get(names.join('::'))
  target.method(method)
end

$stdout.sync = true
api = Api.new(ENV['AWS_LAMBDA_RUNTIME_API'])
begin
  handler = find(ENV['_HANDLER'])
rescue Exception => e # rubocop:disable Lint/RescueException
  api.post('init/error', describe(e))
  warn(e.full_message)
  exit(1)
end

loop do
  invocation = api.next
  ENV['_X_AMZN_TRACE_ID'] = invocation['Lambda-Runtime-Trace-Id']
  id = invocation['Lambda-Runtime-Aws-Request-Id']
  begin
    answer = handler.call(event: JSON.parse(invocation.body), context: Context.new(invocation)).to_json
    api.post("invocation/#{id}/response", answer)
  rescue Exception => e # rubocop:disable Lint/RescueException
    warn(e.full_message)
    api.post("invocation/#{id}/error", describe(e))
  end
end
