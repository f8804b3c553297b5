import type { Agent, Model } from "../api";

interface Props {
  agents: readonly Agent[];
  models: readonly Model[];
  agentId: string;
  model: string;
  begun: boolean;
  onAgent: (agentId: string) => void;
  onModel: (spec: string) => void;
}

export function Choices({ agents, models, agentId, model, begun, onAgent, onModel }: Props) {
  const providers = [...new Set(models.map(({ provider }) => provider))];
  return (
    <div className="choices">
      <div>
        <label>
          Agent
          <select
            value={agentId}
            aria-describedby={begun ? "agent-hint" : undefined}
            onChange={({ target }) => onAgent(target.value)}
          >
            {!agents.some(({ id }) => id === agentId) && (
              <option value={agentId} disabled>
                {agentId === "" ? "…" : `${agentId} (not offered)`}
              </option>
            )}
            {agents.map((agent) => (
              <option key={agent.id} value={agent.id} disabled={!agent.available}>
                {agent.available ? agent.name : `${agent.name} (${agent.unavailableReason ?? "unavailable"})`}
              </option>
            ))}
          </select>
        </label>
        {begun && (
          <p id="agent-hint" className="hint">
            Another agent starts a new chat.
          </p>
        )}
      </div>
      <label>
        Model
        <select value={model} onChange={({ target }) => onModel(target.value)}>
          <option value="">Automatic</option>
          {model !== "" && !models.some(({ spec }) => spec === model) && (
            <option value={model} disabled>
              {model} (not offered)
            </option>
          )}
          {providers.map((provider) => (
            <optgroup key={provider} label={provider}>
              {models
                .filter((offered) => offered.provider === provider)
                .map(({ spec, name, available }) => (
                  <option key={spec} value={spec} disabled={!available}>
                    {available ? name : `${name} (unavailable)`}
                  </option>
                ))}
            </optgroup>
          ))}
        </select>
      </label>
    </div>
  );
}
