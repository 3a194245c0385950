/** Node's HTTP by way of CommonJS: an import of `node:http` reads all its exports, and three of them load Node's whole fetch, which a start would wait for. */
export const { request: httpRequest, ServerResponse: HttpResponse } = process.getBuiltinModule('node:http');
