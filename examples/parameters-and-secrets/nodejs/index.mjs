const port = process.env.PARAMETERS_SECRETS_EXTENSION_HTTP_PORT ?? '2773';

const read = async (path, query) => {
  const answer = await fetch(`http://localhost:${port}${path}?${new URLSearchParams(query)}`, {
    headers: { 'X-Aws-Parameters-Secrets-Token': process.env.AWS_SESSION_TOKEN },
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
};

export const handler = async () => {
  const parameter = await read('/systemsmanager/parameters/get', { name: '/example/url', withDecryption: true });
  const secret = await read('/secretsmanager/get', { secretId: 'example/database' });
  const { user, password } = JSON.parse(secret.SecretString);
  return { url: parameter.Parameter.Value, user, password: password.length };
};
