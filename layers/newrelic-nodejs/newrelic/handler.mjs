// Stands where the function's handler stood, and has the agent record each call of it.
import newrelic from 'newrelic';
import { load } from './load.mjs';

const original = await load(process.env.NEW_RELIC_LAMBDA_HANDLER);
const recorded = newrelic.setLambdaHandler(original);

// The number of parameters is how Lambda's client tells a callback handler; from
// Node.js 24 on it refuses those.
export const handler = Object.defineProperty(recorded, 'length', { value: original.length });
