// What every request sends besides its body.

import { createContext } from "react";

/** The headers of every request: the token and the organization. */
export const Headers = createContext<Record<string, string>>({});
