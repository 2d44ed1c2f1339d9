import { createRequire } from 'module';
const waited = await new Promise((resolve) => setTimeout(() => resolve('waited at the top'), 2));
export const handler = async () => [waited, import.meta.url.endsWith('/module.mjs'), typeof createRequire];
export default { other: async () => 'by default export' };
