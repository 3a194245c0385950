/** The page at `/docs`: Swagger UI's own files with a page and an initializer that point at our document; no inline script, nothing sent to a validator. */
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import { on, reply, type Served } from '../../lib/http.ts';

/** What is taken from `swagger-ui-dist` as it is: it lies beside the bundle, and is read when it is asked for. */
export const DOCS_FILES = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  // The script names it as the place of the licences of what is inside.
  'swagger-ui-bundle.js.LICENSE.txt': 'text/plain; charset=utf-8',
} as const;
export type DocsFile = keyof typeof DOCS_FILES;

export interface DocsDeps {
  readonly readDocsFile: (name: DocsFile) => Promise<string>;
}

/** Absolute addresses: the page answers with and without a slash at its end. */
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Roadstead API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/initializer.js"></script>
  </body>
</html>
`;

const INITIALIZER = `window.ui = SwaggerUIBundle({
  url: '/api/v1/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
`;

const SECURITY = {
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

/** The page is asked for anew each time; a day is how long its files may be of another release. */
const DAY = 'public, max-age=86400';

const isDocsFile = (name: string): name is DocsFile => Object.hasOwn(DOCS_FILES, name);

export const docsRoutes = ({ readDocsFile }: DocsDeps): Served[] => [
  // The one place to go to, as long as there is nothing else for people to look at.
  on(routes.system.root, async () => reply(302, undefined, { location: '/docs' })),

  on(routes.system.docs, async () =>
    reply(200, PAGE, { ...SECURITY, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' }),
  ),

  on(routes.system.docsFile, async ({ params: { file } }) => {
    const headers = { ...SECURITY, 'cache-control': DAY };
    if (file === 'initializer.js')
      return reply(200, INITIALIZER, { ...headers, 'content-type': 'text/javascript; charset=utf-8' });
    if (!isDocsFile(file)) throw new AppError('not_found', { detail: 'the page at /docs has no such file' });
    return reply(200, await readDocsFile(file), { ...headers, 'content-type': DOCS_FILES[file] });
  }),
];
