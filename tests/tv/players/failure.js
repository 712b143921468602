/** Cast's detailed error codes: developers.google.com/cast/docs/web_receiver/error_codes */
export const MEDIA_ABORTED = 101;
export const SOURCE_BUFFER_FAILURE = 110;
export const SEGMENT_NETWORK = 301;
export const HLS_NETWORK_PLAYLIST = 312;
export const HLS_MANIFEST_PLAYLIST = 412;
export const LOAD_FAILED = 905;

/** Why a medium does not play: Cast's `code`, and the player's own words. */
export class Failure extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** What the video element says; its four codes are Cast's from 101 on. */
export function elementFailure({ code, message }) {
  return new Failure(100 + code, message);
}
