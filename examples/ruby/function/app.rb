# frozen_string_literal: true

def handler(event:, context:)
  { runtime: "Ruby #{RUBY_VERSION}", event: event }
end
