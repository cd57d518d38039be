// A network that loses the response to the first mutation, after the gateway has executed it.

const send = globalThis.fetch;
let lost = false;

globalThis.fetch = async (url, options) => {
  const response = await send(url, options);
  if (lost || !options?.body?.includes("mutation")) return response;
  lost = true;
  throw new TypeError("fetch failed");
};
