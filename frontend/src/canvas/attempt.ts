import { useCallback, useState } from "react";

import { failureOf } from "../failure";
import type { Failure } from "../failure";

/** Does one thing at a time, and tells why it could not be done. */
export function useAttempt(): {
  busy: boolean;
  failure: Failure | null;
  attempt: (deed: () => Promise<unknown>) => Promise<boolean>;
  forgive: () => void;
} {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const attempt = useCallback(async (deed: () => Promise<unknown>) => {
    setBusy(true);
    setFailure(null);
    try {
      await deed();
      return true;
    } catch (error) {
      setFailure(failureOf(error));
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  const forgive = useCallback(() => setFailure(null), []);
  return { busy, failure, attempt, forgive };
}
