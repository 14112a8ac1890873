/** How this page hears from the server. */
export type Link =
  /** The first connection is being made. */
  | { readonly mode: 'connecting' }
  /** Events arrive as they happen. */
  | { readonly mode: 'live' }
  /** The socket is gone and comes back by itself. `attempt` counts from 1; 0 while none was made. */
  | { readonly mode: 'reconnecting', readonly attempt: number, readonly retryAt: number | undefined, readonly since: number }
  /** No socket can be had: the page asks over HTTP. */
  | { readonly mode: 'polling' }
