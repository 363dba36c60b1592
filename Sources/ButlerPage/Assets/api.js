// The Butler's HTTP protocol, and the few routes of our own beside it.

import { exactJSON } from './exact-json.js';

/** What the server refused, in words for the reader. */
export class ServerError extends Error {
  constructor(message, { status = 0, type = '', excerpt = '', offset = null, hint = '' } = {}) {
    super(message);
    Object.assign(this, { status, type, excerpt, offset, hint });
  }
}

const HINTS = {
  calibration_lookup: 'Calibrations are valid for a time. To see all of them, do without “only the first of each data ID”.',
};

/** Waits as a busy server asks, a few times. */
async function patiently(url, options) {
  for (let trial = 0; ; trial += 1) {
    let response;
    try {
      response = await fetch(url, options);
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ServerError('The server cannot be reached.', { hint: 'Is it still running? Try again when it is.' });
    }
    const wait = Number(response.headers.get('retry-after'));
    if (![429, 503].includes(response.status) || !wait || trial === 5) return response;
    await response.body?.cancel();
    await pause(wait * 1000, options.signal);
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); });
  });
}

function failure(document, status) {
  const detail = document?.detail;
  if (typeof detail === 'string') {
    // The line of an expression and a caret under the place come last.
    const lines = detail.split('\n');
    const excerpt = lines.length > 2 && /^\s*\^$/.test(lines.at(-1)) ? lines.splice(-2).join('\n') : '';
    return new ServerError(document.message ?? lines.join(' '), {
      status, type: document.error_type ?? '', excerpt: document.excerpt ?? excerpt,
      offset: document.offset ?? null, hint: HINTS[document.error_type] ?? '',
    });
  }
  if (Array.isArray(detail)) return new ServerError(detail.map((item) => item.msg).join('; '), { status });
  return new ServerError(`The server failed to answer (status ${status}).`, { status });
}

async function checked(response) {
  if (response.ok) return response;
  let document = null;
  try { document = await response.json(); } catch { /* no JSON: the status has to do */ }
  throw failure(document, response.status);
}

async function json(url, options = {}) {
  return exactJSON(await (await checked(await patiently(url, options))).text());
}

function posted(body, signal) {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal };
}

/** The repositories that this user may use. */
export const repositories = (signal) => json('/api/butler/ui/repositories', { signal });

/** One repository of the server. */
export class Repository {
  constructor(label) {
    this.label = label;
    this.base = `/api/butler/repo/${encodeURIComponent(label)}/v1/`;
    this.kept = new Map();
  }

  get(path, signal) { return json(this.base + path, { signal }); }
  post(path, body, signal) { return json(this.base + path, posted(body, signal)); }

  /** What changes rarely is asked for once. A failure is not kept. */
  once(key, ask) {
    if (!this.kept.has(key)) {
      const answer = ask();
      this.kept.set(key, answer);
      answer.catch(() => this.kept.delete(key));
    }
    return this.kept.get(key);
  }

  universe() { return this.once('universe', () => this.get('universe').then((answer) => answer.universe)); }

  /** Each as on the wire, with the `description` that the repository's catalogue has of it, or null. */
  datasetTypes() {
    return this.once('types', () => this.get('ui/dataset_types')
      .then(({ dataset_types: items }) => items.map((item) => ({ ...item.dataset_type, description: item.description }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))));
  }

  collections() {
    return this.once('collections', () => this.post('query_collection_info', {
      expression: ['*'], collection_types: [1, 2, 3, 4], flatten_chains: false, include_chains: true,
      include_parents: true, include_summary: true, include_doc: true, summary_datasets: null,
    }).then((answer) => answer.collections));
  }

  /** The pages of a streamed result, as they come. Aborting the signal stops the query at the server. */
  async* pages(path, body, signal) {
    const response = await checked(await patiently(this.base + path, posted(body, signal)));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    try {
      while (true) {
        const { value, done } = await reader.read();
        if (done) break;
        const lines = (rest + value).split('\n');
        rest = lines.pop();
        for (const line of lines) yield* page(line);
      }
      // A stream that breaks off inside a line was cut.
      if (rest.trim()) throw new ServerError('The result broke off before its end.', { hint: 'Run the query again.' });
    } finally {
      reader.cancel().catch(() => {});
    }
  }
}

function* page(line) {
  if (!line) return;
  const document = exactJSON(line);
  if (document.type === 'error') throw failure(document.error, 200);
  if (document.type !== 'keep-alive') yield document;
}
