export const handler = async () => ['a module', typeof require];
