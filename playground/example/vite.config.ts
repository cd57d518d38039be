// The page's own origin serves the gateway's routes, so that no other origin needs to be allowed.

import { defineConfig } from "vite";

const gateway = process.env.GATEWAY_URL ?? "http://127.0.0.1:8080";
const routes = ["/graphql", "/playground/session", "/v1/", "/v2/", "/api/v1/", "/import/", "/export/"];
const proxy = Object.fromEntries(routes.map((route) => [route, gateway]));

export default defineConfig({ server: { proxy }, preview: { proxy } });
