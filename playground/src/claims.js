// What a token says, for people to read. Whether it is true is for the gateway to find out.

/** The claims of a JSON Web Token; undefined when the text is none. */
export function claimsOf(token) {
  try {
    const [, payload] = token.split(".");
    const letters = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" && claims ? claims : undefined;
  } catch {
    return undefined;
  }
}

/** The numbers of the organizations that the token may act in. */
export function organizationNumbers(claims) {
  if (Array.isArray(claims?.orgs)) return claims.orgs;
  return claims?.org_id === undefined ? [] : [claims.org_id];
}

/** Until when the token is good, as seen at `now` (milliseconds since 1970). */
export function expiry({ exp }, now) {
  if (typeof exp !== "number") return { text: "never said, so it is refused", past: true };
  const moment = new Date(exp * 1000).toLocaleString();
  const minutes = Math.floor((exp * 1000 - now) / 60_000);
  if (minutes < 0) return { text: `${moment}: it has expired`, past: true };
  const left = minutes < 120 ? `${minutes} minutes` : `${Math.floor(minutes / 60)} hours`;
  return { text: `${moment}, in ${left}`, past: false };
}
