import { useCallback, useEffect, useRef, useState } from "react";
import type { RefObject } from "react";

const NEAR_THE_END = 32;

/**
 * Keeps the end of `content` in sight while it grows, until the reader scrolls up or opens something.
 * Back at the end, the page follows again.
 */
export function useFollowing(content: RefObject<HTMLElement | null>): {
  following: boolean;
  follow: () => void;
} {
  const [following, setFollowing] = useState(true);
  const now = useRef(true);

  const settle = useCallback((value: boolean) => {
    now.current = value;
    setFollowing(value);
  }, []);

  const follow = useCallback(() => {
    settle(true);
    if (content.current !== null) scrollToEnd(content.current);
  }, [content, settle]);

  useEffect(() => {
    const element = content.current;
    if (element === null) return;
    let lastPosition = scrollY;
    const onScroll = (): void => {
      settle(isAtEnd(element) || (now.current && scrollY >= lastPosition));
      lastPosition = scrollY;
    };
    const onClick = (event: MouseEvent): void => {
      if (event.target instanceof Element && event.target.closest("summary") !== null) settle(false);
    };
    const growth = new ResizeObserver(() => {
      if (now.current) scrollToEnd(element);
      else if (isAtEnd(element)) settle(true);
    });
    growth.observe(element);
    addEventListener("scroll", onScroll, { passive: true });
    element.addEventListener("click", onClick);
    return () => {
      growth.disconnect();
      removeEventListener("scroll", onScroll);
      element.removeEventListener("click", onClick);
    };
  }, [content, settle]);

  return { following, follow };
}

/** How far the end of the conversation is below the window; the page may go on after it. */
function below(content: HTMLElement): number {
  return (content.closest("main") ?? content).getBoundingClientRect().bottom - innerHeight;
}

function isAtEnd(content: HTMLElement): boolean {
  return below(content) < NEAR_THE_END;
}

function scrollToEnd(content: HTMLElement): void {
  scrollBy({ top: below(content), behavior: "instant" });
}
