require('./brokenImport.js');
