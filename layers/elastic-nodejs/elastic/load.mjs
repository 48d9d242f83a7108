import { statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

// Loads the function that a handler such as "src/index.handler" names, as
// Lambda's own client does.
export async function load(handler) {
  const [, file, names] = /^([^.]*)\.(.+)$/.exec(path.basename(handler)) ?? [];
  if (!file) {
    throw new Error(`${handler}: not FILE.EXPORT`);
  }
  const stem = path.resolve(process.env.LAMBDA_TASK_ROOT, path.dirname(handler), file);
  const found = ['', '.js', '.mjs', '.cjs'].map((end) => stem + end)
    .find((name) => statSync(name, { throwIfNoEntry: false })?.isFile());
  if (!found) {
    throw new Error(`${handler}: no ${stem}.js, .mjs or .cjs`);
  }
  const module = await import(pathToFileURL(found));
  const pick = (from) => names.split('.').reduce((value, name) => value?.[name], from);
  const fn = pick(module) ?? pick(module.default);
  if (typeof fn !== 'function') {
    throw new Error(`${handler}: ${found} exports no such function`);
  }
  return fn;
}
