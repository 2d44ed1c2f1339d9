Promise.reject(new Error('left alone at import'));
exports.handler = async () => new Promise((r) => setTimeout(r, 500));
