// The page's own origin answers /graphql, so that no browser has to be told of another one.

import { defineConfig } from "vite";

const gateway = process.env.GATEWAY_URL ?? "http://127.0.0.1:8080";
const proxy = { "/graphql": gateway, "/playground/session": gateway };

export default defineConfig({ server: { proxy }, preview: { proxy } });
