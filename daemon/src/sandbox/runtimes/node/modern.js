'use strict';
// Whether AWS runs this function under its client for Node.js 24 and later, which is another than the one before: it
// knows no callbacks, and leaves to Node what nobody caught.
const named = /^AWS_Lambda_nodejs(\d+)\.x$/.exec(process.env.AWS_EXECUTION_ENV || '');

exports.isModern = Number(named ? named[1] : process.versions.node.split('.')[0]) >= 24;
