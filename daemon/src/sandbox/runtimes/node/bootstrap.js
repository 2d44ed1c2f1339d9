'use strict';
// Entry of the Node.js runtime client: `node bootstrap.js` in the code folder, with the gate on standard input.
require('./runtime.js').main();
