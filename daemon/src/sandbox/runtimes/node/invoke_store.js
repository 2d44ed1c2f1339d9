'use strict';
// What the invocation under way is, for libraries: `awslambda.InvokeStore`, as AWS's client for Node.js 24 publishes it
// and the package @aws/lambda-invoke-store reads it.
const PROTECTED_KEYS = {
  REQUEST_ID: Symbol.for('_AWS_LAMBDA_REQUEST_ID'),
  X_RAY_TRACE_ID: Symbol.for('_AWS_LAMBDA_X_RAY_TRACE_ID'),
  TENANT_ID: Symbol.for('_AWS_LAMBDA_TENANT_ID'),
};

class InvokeStore {
  static PROTECTED_KEYS = PROTECTED_KEYS;

  isProtectedKey(key) {
    return Object.values(PROTECTED_KEYS).includes(key);
  }

  getRequestId() {
    return this.get(PROTECTED_KEYS.REQUEST_ID) ?? '-';
  }

  getXRayTraceId() {
    return this.get(PROTECTED_KEYS.X_RAY_TRACE_ID);
  }

  getTenantId() {
    return this.get(PROTECTED_KEYS.TENANT_ID);
  }

  getContext() {
    return this.context;
  }

  hasContext() {
    return this.context !== undefined;
  }

  get(key) {
    return this.context?.[key];
  }

  set(key, value) {
    if (this.isProtectedKey(key)) throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`);
    this.context ??= {};
    this.context[key] = value;
  }

  run(context, work) {
    this.context = context;
    return work();
  }
}

exports.store = new InvokeStore();

/** An invocation begins. AWS's client does not tell the tenant here. */
exports.begin = (requestId, traceId) => {
  exports.store.run({ [PROTECTED_KEYS.REQUEST_ID]: requestId, [PROTECTED_KEYS.X_RAY_TRACE_ID]: traceId }, () => {});
};
