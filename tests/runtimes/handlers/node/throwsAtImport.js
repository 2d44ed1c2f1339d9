throw new TypeError('at import é');
