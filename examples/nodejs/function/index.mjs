export const handler = async (event) => ({
  runtime: `Node.js ${process.version}`,
  event,
});
