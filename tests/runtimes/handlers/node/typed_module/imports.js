import { word } from './word.js';
export const handler = async () => word;
