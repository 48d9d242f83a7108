// Runs before the function, by node --import: one span for every invocation,
// sent before Lambda may freeze the process.
import { register } from 'node:module';
import { register as registerSync, supportsSyncHooks } from 'import-in-the-middle/register-hooks.mjs';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { AwsLambdaInstrumentation } from '@opentelemetry/instrumentation-aws-lambda';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

// Lambda's client may load any handler, CommonJS too, by import(): without this
// hook nothing of it is instrumented, and nothing is said. Where Node.js can, the
// hook runs in this thread: the other kind starts a second one, in which every
// --require of another agent runs once more.
if (supportsSyncHooks()) {
  registerSync();
} else {
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
}

// Runs make with the name that Lambda's own runtime has in the environment. In an
// image there is none; without it functions would get no callback.
function named(make) {
  const before = process.env.AWS_EXECUTION_ENV;
  if (before?.startsWith('AWS_Lambda_nodejs')) {
    return make();
  }
  process.env.AWS_EXECUTION_ENV = `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`;
  try {
    return make();
  } finally {
    if (before === undefined) {
      delete process.env.AWS_EXECUTION_ENV;
    } else {
      process.env.AWS_EXECUTION_ENV = before;
    }
  }
}

// The number of parameters is how Lambda's client tells a callback handler; from
// Node.js 24 on it refuses those. The wrapped handler must say what the function says.
class LambdaInstrumentation extends AwsLambdaInstrumentation {
  _getPatchHandler(original, started) {
    const patched = named(() => super._getPatchHandler(original, started));
    return Object.defineProperty(patched, 'length', { value: original.length });
  }
}

const resource = resourceFromAttributes({ 'service.name': process.env.AWS_LAMBDA_FUNCTION_NAME });

const provider = new NodeTracerProvider({
  resource: resource.merge(detectResources({ detectors: [envDetector] })),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();

registerInstrumentations({
  tracerProvider: provider,
  instrumentations: [new LambdaInstrumentation()],
});
