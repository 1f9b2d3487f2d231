// The Expert Advisor: joins link, trading, candles and panel. The handlers of NatronEA.mq5 call it and nothing else.
#include "CandlePublisher.mqh"
#include "LogRecord.mqh"
#include "Outbox.mqh"
#include "Panel.mqh"
#include "PositionKeeper.mqh"
#include "SignalTrader.mqh"
#include "SymbolMap.mqh"
#include "TesterFeed.mqh"

#define NATRON_TIMER_MS 20
#define NATRON_PANEL_MS 500

class CNatron
  {
private:
   SNatronSettings   m_settings;
   CSignalReader     m_reader;
   CSignalTrader     m_trader;
   CTradeExecutor    m_executor;
   CPositionKeeper   m_keeper;
   CCandlePublisher  m_publisher;
   COutbox           m_outbox;
   CCsvLog           m_log;
   CPanel            m_panel;
   CTesterFeed       m_feed;
   bool              m_tester;
   bool              m_open;
   string            m_run;
   string            m_last_signal;
   long              m_last_candle_ms;
   ulong             m_panel_due;

   string            Place(const string suffix) const { return(CLogRecord::Place(m_settings.magic,m_settings.symbol,suffix)); }
   string            KillName(void) const { return("Natron.stop."+IntegerToString(m_settings.magic)+"."+m_settings.symbol); }
   SBridgeState      Bridge(void) const
     {
      SBridgeState state;
      state.tester=m_tester;
      state.clock_known=m_tester || m_reader.ClockKnown();
      state.now_ms=m_tester ? (long)TimeCurrent()*1000 : m_reader.NowMs();
      state.silent_s=m_tester ? 0 : m_reader.SilentS();
      return(state);
     }
   void              Warn(const string text)
     {
      if(m_settings.alerts)
         Alert("Natron ",_Symbol,": ",text);
      if(m_settings.notifications)
         SendNotification("Natron "+_Symbol+": "+text);
     }
   void              PollTrader(void)
     {
      m_trader.Poll(m_settings,Bridge(),m_executor,m_log);
      string report=m_trader.TakeReport();
      if(report=="")
         return;
      m_outbox.Add(report);
      if(m_trader.Rejected())
         Warn("an order was rejected, "+m_trader.Why());
     }
   //--- when the signal's candle opened on this chart: the server's hours from UTC are known without asking the trader
   datetime          CandleTime(const SLine &line) const
     {
      long ahead=m_tester ? 0 : (long)TimeTradeServer()-Bridge().now_ms/1000;
      return((datetime)(line.candle_ms/1000+(long)MathRound((double)ahead/900)*900));
     }
   void              TakeSignal(const SLine &line)
     {
      if(line.candle_ms<m_last_candle_ms)
         return; // a snapshot or ring line of a candle that a newer one has followed
      if(line.candle_ms>m_last_candle_ms)
         m_log.Write("signal",line.id,CEntryRule::Clear(line),0,0,CLogRecord::Detail(line,CandleTime(line)));
      m_last_candle_ms=line.candle_ms;
      m_last_signal=line.id;
      m_trader.Take(line);
      PollTrader();
     }
   void              TakeReply(const SLine &line)
     {
      m_publisher.TakeReply(line,m_settings);
      if(line.kind=="K1" && line.symbol==m_settings.symbol)
         m_outbox.Confirmed(line.seq);
     }
   void              PollLink(void)
     {
      SLine line;
      ENUM_ORIGIN origin=ORIGIN_LIVE;
      m_reader.Poll();
      bool more=true;
      while(more)
        {
         more=m_reader.Next(line,origin);
         if(more && line.tf_s==m_settings.tf_s)
            TakeSignal(line);
         if(m_reader.TakeReply(line))
           {
            TakeReply(line);
            more=true;
           }
        }
      m_publisher.Poll(m_reader,m_settings);
      if(m_publisher.BridgeTakes())
         m_outbox.Poll(m_reader,m_settings,m_run);
     }
   void              Keep(void)
     {
      string event=m_keeper.Keep(m_settings,m_executor);
      if(event!="")
         m_log.Write("position","",0,0,0,event);
     }
   string            PanelText(void) const
     {
      string permission=CRiskGate::Permission(m_settings);
      string silent=m_reader.SilentS()<0 ? "never" : IntegerToString(m_reader.SilentS())+" s ago";
      string age=m_last_candle_ms>0 && m_reader.ClockKnown() ? IntegerToString((m_reader.NowMs()-m_last_candle_ms)/1000-m_settings.tf_s)+" s" : "-";
      return("Natron "+(m_settings.dry_run ? "DRY RUN" : "TRADING")+"\nlink: "+m_reader.Link()+"\nbridge heard: "+silent
             +"\nlast signal: "+(m_last_signal=="" ? "none" : m_last_signal)+", age "+age+"\nlast decision: "+m_trader.Why()
             +"\ntrading: "+(permission=="" ? "allowed" : permission)+"\ncandles: "+m_publisher.State()
             +"\nrefused lines: "+IntegerToString(m_reader.JunkLines())+" "+m_reader.LastJunk()+", gaps: "+IntegerToString(m_reader.Gaps()));
     }
   void              ShowPanel(void)
     {
      ulong now=GetTickCount64();
      if(now<m_panel_due)
         return;
      m_panel_due=now+NATRON_PANEL_MS;
      m_panel.Show(PanelText(),m_trader.Killed());
     }

public:
                     CNatron(void) { m_open=false; m_tester=false; m_last_candle_ms=0; m_panel_due=0; }
   //--- INIT_SUCCEEDED, or why it cannot start
   int               Open(const SNatronSettings &settings)
     {
      CSettingsCheck check;
      string complaint=check.Complaint(settings);
      if(complaint!="")
        {
         Print("Natron cannot start: ",complaint);
         return(INIT_PARAMETERS_INCORRECT);
        }
      m_settings=settings;
      m_tester=MQLInfoInteger(MQL_TESTER)!=0;
      m_run=IntegerToString((long)TimeLocal())+IntegerToString((long)(GetTickCount64()%1000000),6,'0');
      m_last_signal="";
      m_last_candle_ms=0;
      if(!m_log.Open(Place(".csv")) || !m_trader.Open(Place(".ids"),m_settings))
        {
         Print("Natron cannot start: its files cannot be written, error ",GetLastError());
         return(INIT_FAILED);
        }
      if(m_tester && !m_feed.Open(m_settings.tester_file,m_settings.bridge_key,m_settings.client_key,m_settings.symbol,m_settings.tf_s))
        {
         Print("Natron cannot start: TesterFile ",m_feed.Fault());
         return(INIT_FAILED);
        }
      if(m_tester)
         m_log.Write("tester","",0,0,0,m_feed.Words());
      m_executor.Configure(m_settings);
      m_reader.Configure(m_settings);
      m_publisher.Reset();
      m_outbox.Reset();
      m_trader.Kill(GlobalVariableCheck(KillName()) && GlobalVariableGet(KillName())>0);
      m_panel.Open();
      m_open=true;
      if(!m_tester && !EventSetMillisecondTimer(NATRON_TIMER_MS))
         return(INIT_FAILED);
      return(INIT_SUCCEEDED);
     }
   void              Close(void)
     {
      EventKillTimer();
      if(m_open && m_tester)
         m_log.Write("tester","",0,0,0,m_feed.Words());
      m_reader.Close();
      m_trader.Close();
      m_feed.Close();
      m_log.Close();
      if(m_open)
         m_panel.Close();
      m_open=false;
     }
   void              OnTimer(void)
     {
      if(!m_open)
         return;
      PollLink();
      PollTrader();
      m_log.Flush();
      ShowPanel();
     }
   void              OnTick(void)
     {
      if(!m_open)
         return;
      Keep();
      if(!m_tester)
        {
         PollLink();
         PollTrader();
         return;
        }
      SLine line;
      while(m_feed.Next(TimeCurrent(),line))
         TakeSignal(line);
      PollTrader();
     }
   //--- real fills, closes by stop or take included
   void              OnDeal(const ulong deal)
     {
      if(!m_open || !HistoryDealSelect(deal) || HistoryDealGetString(deal,DEAL_SYMBOL)!=_Symbol || HistoryDealGetInteger(deal,DEAL_MAGIC)!=m_settings.magic)
         return;
      bool entry=HistoryDealGetInteger(deal,DEAL_ENTRY)==DEAL_ENTRY_IN;
      int side=HistoryDealGetInteger(deal,DEAL_TYPE)==DEAL_TYPE_BUY ? 1 : -1;
      double lots=HistoryDealGetDouble(deal,DEAL_VOLUME);
      double price=HistoryDealGetDouble(deal,DEAL_PRICE);
      string detail="deal "+IntegerToString((long)deal)+" position "+IntegerToString(HistoryDealGetInteger(deal,DEAL_POSITION_ID))
                    +" result "+DoubleToString(HistoryDealGetDouble(deal,DEAL_PROFIT),2);
      m_log.Write(entry ? "filled" : "closed",HistoryDealGetString(deal,DEAL_COMMENT),side,lots,price,detail);
      m_outbox.Add("-|"+(entry ? "filled" : "closed")+"|"+IntegerToString(side)+"|"+IntegerToString((long)MathRound(lots*LINE_PPM))+"|"
                   +IntegerToString((long)MathRound(price/_Point))+"|"+detail);
      Warn((entry ? "filled " : "closed ")+DoubleToString(lots,2)+" at "+DoubleToString(price,_Digits));
     }
   void              OnClick(const string name)
     {
      if(!m_open || name!=m_panel.Button())
         return;
      m_trader.Kill(!m_trader.Killed());
      GlobalVariableSet(KillName(),m_trader.Killed() ? 1 : 0);
      m_log.Write("button","",0,0,0,m_trader.Killed() ? "entries stopped" : "entries resumed");
      m_panel_due=0;
      ShowPanel();
     }
  };
