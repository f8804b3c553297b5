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
    scrollToEnd();
  }, [settle]);

  useEffect(() => {
    const element = content.current;
    if (element === null) return;
    let lastPosition = scrollY;
    const onScroll = (): void => {
      settle(isAtEnd() || (now.current && scrollY >= lastPosition));
      lastPosition = scrollY;
    };
    const onClick = (event: MouseEvent): void => {
      if (event.target instanceof Element && event.target.closest("summary") !== null) settle(false);
    };
    const growth = new ResizeObserver(() => {
      if (now.current) scrollToEnd();
      else if (isAtEnd()) settle(true);
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

function isAtEnd(): boolean {
  return document.documentElement.scrollHeight - innerHeight - scrollY < NEAR_THE_END;
}

function scrollToEnd(): void {
  scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
}
