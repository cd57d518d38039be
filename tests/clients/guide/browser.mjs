// What the blocks of the guide use of a browser and Node 20 lacks.

import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket;
