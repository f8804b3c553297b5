import.meta.glob("./*.test.{ts,tsx}", { eager: true });
