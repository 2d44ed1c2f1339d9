exports.handler = async () => [__filename.endsWith('sub/deep/app.js')];
