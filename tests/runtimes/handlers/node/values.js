'use strict';
// Handlers by what they answer with: one a kind of value.
class Money {
  toJSON() {
    return '1 €';
  }
}
exports.echo = async (event) => event;
exports.kind = async (event) => typeof event;
exports.nothing = async () => {};
exports.nil = async () => null;
exports.unicode = async () => ({ 'é': '日本語 \u2028 \u{1f600} \x7f \0 " \\ / \n' });
exports.halfAPair = async () => '\ud800';
exports.bigint = async () => ({ n: 1n });
exports.circle = async () => {
  const ring = [];
  ring.push({ ring });
  return ring;
};
exports.aFunction = async () => ({ f() {}, s: Symbol('x'), u: undefined, list: [() => {}, undefined] });
exports.notANumber = async () => [NaN, Infinity, -0, 1e21, 0.1 + 0.2];
exports.dates = async () => [new Date(0), new Money(), new Map([[1, 2]]), new Set([1]), /x/, new Error('e')];
exports.buffers = async () => [Buffer.from('hi'), new Uint8Array(2)];
exports.throwingJson = async () => ({ toJSON() { throw new Error('no json'); } });
exports.large = async () => 'é'.repeat(200000);
exports.syncValue = () => 'ignored';
exports.thenable = () => ({ then: (done) => done('from a thenable') });
exports.deep = { er: { still: async () => 'found' } };
exports.notAFunction = 3;
