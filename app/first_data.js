// Asks for a page's first data while its scripts still load.
//
// It opens the sockets that the app's clients will open, and says what these will say first. A client that asks for such a
// socket gets this one, and with it all that came meanwhile. Where it says something else in the end, that goes to a new
// connection.
(({ route, log }, { name, hashes, state_schema, version }) => {
  const PATIENCE_MS = 10_000; // with an app that does not come

  if (document.visibilityState === "hidden") return;
  const Native = window.WebSocket;
  const waiting = new Map();
  let patience;
  try {
    askAhead({ token: tokenOfTab() }, [version], firstWords());
    if (log !== undefined) askAhead({}, [], "40/feed,");
  } catch {
    // No storage, or a path that cannot be read: the app has words for it.
    giveUp();
    return;
  }
  patience = setTimeout(giveUp, PATIENCE_MS);
  window.addEventListener("pagehide", giveUp, { once: true });
  window.WebSocket = new Proxy(Native, {
    construct(target, given, newTarget) {
      const ahead = waiting.get(given[0]);
      waiting.delete(given[0]);
      return ahead?.take() ?? Reflect.construct(target, given, newTarget);
    },
  });

  function giveUp() {
    clearTimeout(patience);
    for (const ahead of waiting.values()) ahead.close();
    waiting.clear();
  }

  function askAhead(query, protocols, guess) {
    const parameters = new URLSearchParams({ ...query, EIO: 4, transport: "websocket" });
    const address = `${location.origin.replace(/^http/, "ws")}/_event/?${parameters}`;
    let socket, client;
    let heard = [];
    let hasGreeted = false;
    let hasAsked = false;

    // The client may hear the greeting of the server at once, and all else once it has asked for it.
    const pass = () => {
      while (client && heard.length && (hasAsked || isGreeting(heard[0]))) client.onmessage(heard.shift());
    };
    const dial = (words) => {
      const dialled = new Native(address, protocols);
      const isCurrent = () => socket === dialled;
      heard = [];
      socket = dialled;
      dialled.onopen = () => dialled.send(words);
      dialled.onmessage = (frame) => {
        if (!isCurrent() || (isGreeting(frame) && hasGreeted)) return;
        hasGreeted ||= isGreeting(frame);
        heard.push(frame);
        pass();
      };
      dialled.onerror = (event) => isCurrent() && client?.onerror(event);
      dialled.onclose = (event) => {
        if (!isCurrent()) return;
        // The client waits for a greeting until it hears of an error.
        if (!hasGreeted) client?.onerror(event);
        client?.onclose(event);
      };
    };
    const ask = (words) => {
      hasAsked = true;
      if (words === guess) return queueMicrotask(pass);
      socket.close();
      dial(words);
    };
    const take = () => {
      if (socket.readyState > Native.OPEN) return undefined;
      client = {
        send: (words) => (hasAsked ? socket.send(words) : ask(words)),
        close: () => socket.close(),
      };
      // When the client has said who listens.
      queueMicrotask(() => {
        client.onopen();
        pass();
      });
      return client;
    };

    dial(guess);
    waiting.set(address, { take, close: () => socket.close() });
  }

  function isGreeting(frame) {
    return typeof frame.data === "string" && frame.data.startsWith("0");
  }

  function tokenOfTab() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const fresh = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const token = sessionStorage.getItem("token") ?? fresh;
    sessionStorage.setItem("token", token);
    return token;
  }

  function firstWords() {
    const { pathname, search, hash } = location;
    const query = Object.fromEntries(new URLSearchParams(search));
    const parts = pathname.split("/");
    route.split("/").forEach((part, place) => {
      if (part.startsWith(":")) query[part.slice(1)] = decodeURIComponent(parts[place]);
    });
    const router_data = { pathname, asPath: pathname + search + hash };
    if (Object.keys(query).length) router_data.query = query;
    const event = { name, payload: { hashes }, router_data };
    return `40/_event,${JSON.stringify({ event, state_schema })}`;
  }
})(document.currentScript.dataset, FIRST_DATA);
