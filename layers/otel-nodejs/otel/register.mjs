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

// The number of parameters is how Lambda's client tells a callback handler; from
// Node.js 24 on it refuses those. The wrapped handler must say what the function says.
class LambdaInstrumentation extends AwsLambdaInstrumentation {
  _getPatchHandler(original, started) {
    const patched = super._getPatchHandler(original, started);
    return Object.defineProperty(patched, 'length', { value: original.length });
  }
}

const named = resourceFromAttributes({ 'service.name': process.env.AWS_LAMBDA_FUNCTION_NAME });

const provider = new NodeTracerProvider({
  resource: named.merge(detectResources({ detectors: [envDetector] })),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();

registerInstrumentations({
  tracerProvider: provider,
  instrumentations: [new LambdaInstrumentation()],
});
