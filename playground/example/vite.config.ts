// The page's own origin answers the gateway's routes, so that no browser has to be told of another one.

import { defineConfig } from "vite";

const gateway = process.env.GATEWAY_URL ?? "http://127.0.0.1:8080";
const routes = ["/graphql", "/playground/session", "/import/", "/export/"];
const proxy = Object.fromEntries(routes.map((route) => [route, gateway]));

export default defineConfig({ server: { proxy }, preview: { proxy } });
