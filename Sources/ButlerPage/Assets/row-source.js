// The rows of a query, read as they are needed.

import { ServerError } from './api.js';
import { ResultRows } from './rows.js';

/** More are never kept; a query with so many wants narrowing. */
const MOST = 500_000;
/** One stream is for so many rows at least, and for several times those that are here: few are passed over often. */
const WINDOW = 10_000;
const GROWTH = 4;
/**
 * How long a stream waits for its reader at a time and in all, in milliseconds. While it waits, the query goes on in the
 * database and takes one of the user's places; after that it is ended, and a later one passes over the rows that are here.
 */
const PATIENCE = 3000;
const PATIENCE_IN_ALL = 20_000;

const changed = () => new ServerError(
  'The repository has changed since the first rows were read.', { hint: 'Run the query again.' });

/**
 * Rows of a query. Each is sent once: one stream is read while the reader follows, and the server stops working when nobody
 * takes what it has sent. A stream that was let go is continued by another one behind the last row.
 */
export class RowSource {
  constructor(repository, query, signal) {
    Object.assign(this, { repository, query, signal, rows: new ResultRows(), isAtEnd: false, isFull: false });
    signal.addEventListener('abort', () => this.release());
  }

  get count() { return this.rows.rows.length; }
  get hasMore() { return !this.isAtEnd && !this.isFull; }

  /** Reads until there are so many rows, or no more; `grown` is called for each page. */
  async read(wanted, grown) {
    clearTimeout(this.timer);
    if (this.pages) this.waited += performance.now() - this.restsSince;
    try {
      while (this.count < wanted && this.hasMore) {
        this.pages ??= this.open();
        const { value, done } = await this.pages.next();
        if (done) {
          this.pages = null;
          if (this.expected !== null) throw changed();
          this.isAtEnd = this.count < this.limit;
        } else {
          this.take(value);
          grown();
        }
      }
    } catch (error) {
      this.isAtEnd = true;
      throw error;
    } finally {
      if (this.hasMore) this.rest();
      else this.release();
    }
  }

  /** The last known row comes again, to see whether the rows before the new ones are still those that are shown. */
  open() {
    const skip = Math.max(0, this.count - 1);
    this.expected = this.count ? String(this.rows.rows.at(-1).cells) : null;
    this.waited = 0;
    this.limit = Math.min(MOST + 1, Math.max(WINDOW, GROWTH * this.count));
    return this.repository.pages('ui/query', { ...this.query, limit: this.limit, skip }, this.signal);
  }

  take(page) {
    const start = this.count;
    this.rows.add(page);
    if (this.expected !== null) {
      const [again] = this.rows.rows.splice(start, 1);
      if (String(again.cells) !== this.expected) {
        this.rows.rows.length = start;
        throw changed();
      }
      this.expected = null;
    }
    this.isFull = this.count > MOST;
    if (this.isFull) this.rows.rows.length = MOST;
  }

  /** Keeps the stream for a while, in case the reader goes on. */
  rest() {
    if (!this.pages) return;
    this.restsSince = performance.now();
    this.timer = setTimeout(() => this.release(), Math.min(PATIENCE, PATIENCE_IN_ALL - this.waited));
  }

  /** Ends the stream, and with it the query at the server. */
  release() {
    clearTimeout(this.timer);
    this.pages?.return().catch(() => {});
    this.pages = null;
  }
}
