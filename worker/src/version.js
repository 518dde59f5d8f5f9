/** Which version of the signing proxy this is: told in every answer, so that `bowerbird doctor` can name it. */

export const VERSION = "0.1.0";
export const VERSION_HEADER = "x-bowerbird-proxy";
