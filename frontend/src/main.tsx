import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { config } from "zod/v4/core";

import { sharedToken } from "./canvas/shared";
import { Chat } from "./chat/Chat";
import "./page.css";

// zod, which checks the events for @ag-ui/client, would try `new Function` for speed, and every page
// under a strict Content-Security-Policy would report that as a violation.
config({ jitless: true });

// Threads are of very different length; the page itself goes to the end of the one it opens.
history.scrollRestoration = "manual";

const SharedPage = lazy(() => import("./canvas/SharedPage"));
const token = sharedToken();

if (token !== null) addEventListener("hashchange", () => location.reload());

const page = document.getElementById("page");
if (page === null) throw new Error("index.html has no element with the id 'page'");
createRoot(page).render(
  <StrictMode>
    {token === null ? (
      <Chat />
    ) : (
      <Suspense>
        <SharedPage token={token} />
      </Suspense>
    )}
  </StrictMode>,
);
