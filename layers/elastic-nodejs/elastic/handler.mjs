// Stands where the function's handler stood, and has the agent record each call of it.
import apm from 'elastic-apm-node';
import { load } from './load.mjs';

const original = await load(process.env.ELASTICAPM_ORIGINAL_HANDLER);
const recorded = apm.lambda(original);

// The agent ends its transaction in the callback, or in the functions of the
// context by which older clients of Lambda took the answer; from Node.js 24 on
// there are neither. The context is another one, since those older clients
// answer by what they find in theirs.
const answering = (event, context) => new Promise((resolve, reject) => {
  const done = (err, result) => (err ? reject(err) : resolve(result));
  const own = Object.getOwnPropertyDescriptors(context);
  for (const [name, value] of Object.entries({ succeed: resolve, fail: reject, done })) {
    own[name] = { value, writable: true, enumerable: true, configurable: true };
  }
  const seen = Object.create(Object.getPrototypeOf(context), own);
  const answer = recorded(event, seen, done);
  // The agent's own by now, and not yet those of another agent that wraps the function too.
  const { succeed, fail } = seen;
  answer.then(succeed, fail);
});

// A handler that streams its response is another interface, which the agent does not know.
export const handler = original[Symbol.for('aws.lambda.runtime.handler.streaming')] ? original : answering;
