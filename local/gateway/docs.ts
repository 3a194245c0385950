/** `/docs`: Swagger UI's own files with an initializer that points at our document; no inline script, nothing sent to a validator. */
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'index.css': 'text/css; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'swagger-ui-standalone-preset.js': 'text/javascript; charset=utf-8',
  'swagger-initializer.js': 'text/javascript; charset=utf-8',
  'favicon-16x16.png': 'image/png',
  'favicon-32x32.png': 'image/png',
};

const INITIALIZER = `window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: '/api/v1/openapi.json',
    dom_id: '#swagger-ui',
    deepLinking: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    layout: 'StandaloneLayout',
  });
};
`;

const POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

/** Answers a path under `/docs`. */
export function serveDocs(path: string, response: ServerResponse): void {
  if (path === '/docs') return void response.writeHead(308, { location: '/docs/' }).end();
  const name = path.slice('/docs/'.length) || 'index.html';
  const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
  if (!type) return void response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('not found\n');
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const body = name === 'swagger-initializer.js' ? Buffer.from(INITIALIZER) : readFileSync(join(folder, name));
  response
    .writeHead(200, {
      'content-type': type,
      'content-length': body.length,
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
    })
    .end(body);
}
