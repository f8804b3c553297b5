import { useCallback, useEffect, useState } from "react";

import { listAgents, listModels } from "../api";
import type { Agent, Model } from "../api";
import { failureOf } from "../failure";
import type { Failure } from "../failure";

/** What the server offers: with whom one can speak, and through which models. */
export interface Offer {
  agents: readonly Agent[];
  models: readonly Model[];
}

/** The offer, null until it has come, or why it did not. */
export function useOffer(): { offer: Offer | null; failure: Failure | null; ask: () => void } {
  const [offer, setOffer] = useState<Offer | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const ask = useCallback(() => {
    setFailure(null);
    Promise.all([listAgents(), listModels()]).then(
      ([agents, models]) => setOffer({ agents, models }),
      (error: unknown) => setFailure(failureOf(error)),
    );
  }, []);
  useEffect(ask, [ask]);
  return { offer, failure, ask };
}
